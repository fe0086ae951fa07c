import os

from django.core.wsgi import get_wsgi_application

from ladokflow.encrypted import require_keys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ladokflow.settings")

application = get_wsgi_application()
require_keys()
