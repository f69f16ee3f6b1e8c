import { stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { CancelledError, UsageError } from '../../errors.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'

const LOOK_MS = 2

/** Notes when a guest first writes to a serial port or console whose output goes to a file: nobody else is disturbed by looking there. */
export class FirstOutput implements Disposable {
  readonly #end = new AbortController()
  #seen: Promise<number> | undefined

  /** Looks from now on, before the machine is made. @throws UsageError when no output of it goes to a file */
  begin(domain: Domain): void {
    const path = outputFile(domain)
    if (path === undefined) {
      throw new UsageError(
        'BAD_COMBINATION',
        `No serial port of domain '${domain.name}' writes to a file: its first output cannot be waited for`,
        { hint: "Give it <serial type='file'> or a <log file='…'/>, or do not wait for output" },
      )
    }
    this.#seen = seenMs(path, this.#end.signal)
    this.#seen.catch(() => undefined)
  }

  /** When it wrote, as `performance.now()` has it. @throws CancelledError */
  async at(signal: AbortSignal | undefined): Promise<number> {
    const cancelled = Promise.withResolvers<never>()
    const cancel = (): void =>
      cancelled.reject(new CancelledError('wait for the output of the guest', signal?.reason))
    if (signal?.aborted === true) cancel()
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      return await Promise.race([this.#seen ?? cancelled.promise, cancelled.promise])
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }

  [Symbol.dispose](): void {
    this.#end.abort()
  }
}

function outputFile({ serials, consoles }: Domain): string | undefined {
  for (const { backend } of [...serials, ...consoles]) {
    if (backend.log !== undefined) return backend.log.file
    if (backend.type === 'file') return backend.path
  }
  return undefined
}

async function seenMs(path: string, signal: AbortSignal): Promise<number> {
  const length = async (): Promise<number> =>
    stat(path).then(
      ({ size }) => size,
      () => 0,
    )
  let before = await length()
  for (;;) {
    const now = await length()
    if (now > before) return performance.now()
    // QEMU empties the file when it starts, unless told to append.
    before = now
    await delay(LOOK_MS, undefined, { signal })
  }
}
