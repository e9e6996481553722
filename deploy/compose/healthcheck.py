"""The image's health check: the service is ready, or what stands in the place of `/readyz` answers."""

import os
import sys
import urllib.request

PATH = (*sys.argv[1:], "/readyz")[0]

urllib.request.urlopen(f"http://127.0.0.1:{os.environ['BMT_PORT']}{PATH}", timeout=4).close()
