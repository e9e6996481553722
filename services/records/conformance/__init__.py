"""Evidence for ISO/IEC 27001: each request compared with the steps of SOP OPERASI/009."""
