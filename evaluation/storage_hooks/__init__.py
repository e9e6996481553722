"""What copyparty asks while it works; each module stands alone, since copyparty imports it by path."""
