"""The dashboard: what is in a folder of runs, in a browser and as JSON; it reads and never writes.

GET /                       the runs: search, filter, tick and compare
GET /runs/{run}             one run's report, the same page as `benchkit report --format html`
GET /compare, /history      runs held against each other; one figure over all runs
GET /live                   the newest run in progress
GET /live/{run}             a run in progress, by server-sent events
GET /api/…                  all of it in JSON; /api/openapi.json says how
GET /metrics, /healthz      for Prometheus and for whoever watches the server
GET /grafana.json           a Grafana dashboard over /metrics
"""
