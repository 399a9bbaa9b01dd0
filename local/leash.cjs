// Loaded into Azurite before its own code: standard input is a pipe from the process that started it, and
// ends when that process is gone, also when it had no time to stop Azurite.
process.stdin.on("end", () => process.kill(process.pid, "SIGTERM"));
process.stdin.resume();
// Watching it is no reason to stay when Azurite has closed its services.
process.stdin.unref();
