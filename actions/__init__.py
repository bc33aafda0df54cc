"""Rasa's custom actions, a module for each IDIC step and one for service: tracker in, one call into `crm_store.turn`, replies out.

They decide nothing themselves and know no database.
"""
