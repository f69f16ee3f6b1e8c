import { setTimeout as delay } from 'node:timers/promises'
import { acceptUnix } from '../../src/io/system-calls.ts'

/** Waits for a connection on a non-blocking listener; returns its descriptor. */
export async function accept(listener: number): Promise<number> {
  for (;;) {
    const fd = acceptUnix(listener)
    if (fd !== undefined) return fd
    await delay(2)
  }
}
