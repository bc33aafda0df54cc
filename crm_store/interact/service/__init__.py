"""Service: what customers ask of what they bought, of the business and of themselves; a module for each matter.

What is anybody's to know (terms, stock, prices) is said to anybody; what is a customer's own only to who is verified.
"""
