// How far each host is from here, in ms by its URL: told when a call is asked for, so that a near one answers.
// It is measured while the caller looks at the page; no call waits for it.
const REACHED_MS = 2000, TIMED_MS = 300, TIMES = 3;
const FAR_MS = 1000; // as serving/engine/placement.py has it, for a host that was not reached

export const roundTrips = {};

export async function measureHosts() {
  const hosts = await (await fetch("/hosts")).json();
  if (hosts.length > 1) await Promise.all(hosts.map(({ url }) => measure(url)));
}

async function measure(url) {
  const ask = (signal) => fetch(`${url}/healthz`, { mode: "no-cors", credentials: "omit", cache: "no-store", signal });
  try {
    await ask(AbortSignal.timeout(REACHED_MS)); // its name, a connection and TLS are no part of a round trip
    const over = AbortSignal.timeout(TIMED_MS);
    for (let time = 0; time < TIMES; time += 1) {
      const began = performance.now();
      await ask(over);
      roundTrips[url] = Math.min(roundTrips[url] ?? FAR_MS, performance.now() - began);
    }
  } catch {
    roundTrips[url] ??= FAR_MS;
  }
}
