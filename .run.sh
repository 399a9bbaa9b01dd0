exec make bench VENV=/work/main/.venv -o node_modules/.ready -o .venv-bench/.ready -o .venv-scim2-server/.ready -o benchmarks/peers/scimmy/node_modules/.ready BENCH_ARGS="--rounds 3 --repeats 150"
