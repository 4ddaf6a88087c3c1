"""Payments for calls: the Payment HTTP authentication scheme (machine payments, MPP)."""
