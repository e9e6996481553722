"""Every sentence that users and offices read, Malay first, English second."""
