"""Evidence for ISO/IEC 27001: each request held against the steps of SOP OPERASI/009, deviations told."""
