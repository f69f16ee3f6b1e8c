import { stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { CancelledError, UsageError } from '../../errors.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'

const LOOK_MS = 2

/** Detects a guest's first write to a serial port or console whose output goes to a file: reading a file disturbs no other client. */
export class FirstOutput implements Disposable {
  readonly #end = new AbortController()
  #firstWrite: Promise<number> | undefined

  /** Watches from now on, before the machine is created. @throws UsageError when none of its output goes to a file */
  begin(domain: Domain): void {
    const path = outputFile(domain)
    if (path === undefined) {
      throw new UsageError(
        'BAD_COMBINATION',
        `No serial port of domain '${domain.name}' writes to a file, so its first output cannot be awaited`,
        { hint: "Add <serial type='file'> or <log file='…'/>, or do not wait for output" },
      )
    }
    this.#firstWrite = firstWriteMs(path, this.#end.signal)
    this.#firstWrite.catch(() => undefined)
  }

  /** The time of that write on the clock of `performance.now()`. @throws CancelledError */
  async at(signal: AbortSignal | undefined): Promise<number> {
    const cancelled = Promise.withResolvers<never>()
    const cancel = (): void =>
      cancelled.reject(new CancelledError('wait for the output of the guest', signal?.reason))
    if (signal?.aborted === true) cancel()
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      return await Promise.race([this.#firstWrite ?? cancelled.promise, cancelled.promise])
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

async function firstWriteMs(path: string, signal: AbortSignal): Promise<number> {
  const length = async (): Promise<number> =>
    stat(path).then(
      ({ size }) => size,
      () => 0,
    )
  let before = await length()
  for (;;) {
    const now = await length()
    if (now > before) return performance.now()
    // QEMU truncates the file when it starts, except in append mode.
    before = now
    await delay(LOOK_MS, undefined, { signal })
  }
}
