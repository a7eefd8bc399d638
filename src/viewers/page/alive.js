// Runs in the page: the request that stays open tells kprof that the tab does. When kprof has ended, nobody else gets asked.
const alive = new EventSource(new URL('alive', document.currentScript.src));
alive.addEventListener('error', () => alive.close());
