"""The demo business: Kopi Sudirman, a coffee retailer in Jakarta. Nothing outside this folder knows about coffee."""
