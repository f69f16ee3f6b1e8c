import { join } from 'node:path'

import { readTail } from '../../io/records/log-file.ts'
import { type ProcessIdentity, isAlive } from './process-identity.ts'

/** Enough for the reason of a failure, short enough for an error message. */
const TAIL_BYTES = 4096
const TAIL_LINES = 8

/** A QEMU and its log. */
export class QemuProcess {
  readonly identity: ProcessIdentity
  readonly logPath: string
  readonly #logOffset: number

  /** `logOffset` is the offset of its first line; without it, the whole log counts as its own. */
  constructor(identity: ProcessIdentity, logPath: string, logOffset: number = 0) {
    this.identity = identity
    this.logPath = logPath
    this.#logOffset = logOffset
  }

  get pid(): number {
    return this.identity.pid
  }

  isAlive(): Promise<boolean> {
    return isAlive(this.identity)
  }

  /** The last lines that QEMU wrote; fits `processTail` of `QmpConnection.connect`. */
  tail(): string {
    return lastLines(readTail(this.logPath, this.#logOffset, TAIL_BYTES))
  }
}

/** The log of a QEMU that leaves nothing. */
export function logPathIn(directory: string): string {
  return join(directory, 'qemu.log')
}

/** The harmless messages of QEMU: a pty that it opened, and a deprecation warning (QEMU 11.1 writes one per `-mon`). */
const NOISE = /^char device redirected to \S+ \(label \S+\)$|\bwarning: .* is deprecated\b/

/** The lines of a tail that may contain a reason. Drops warnings if anything else was printed. */
export function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !NOISE.test(line.trim()))
  const useful = lines.filter((line) => !/\bwarning: /.test(line))
  return (useful.length > 0 ? useful : lines).slice(-TAIL_LINES).join('\n')
}

/** The last line of a QEMU that a signal asked to end, which names the signal and its sender; `undefined` if there is none. */
export function terminationLine(text: string): string | undefined {
  return text
    .trimEnd()
    .split('\n')
    .findLast((line) => / terminating on signal \d+( from pid \d+)?/.test(line))
}
