/** Where there is no terminal to redraw, progress is a line every so often. */
const INTERVAL_MS = 10_000

/** Calls `show` every 10 seconds until it is disposed. Keeps no process alive. */
export function everyInterval(show: () => void): Disposable {
  const timer = setInterval(show, INTERVAL_MS)
  timer.unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
