import { join } from 'node:path'

import { readTail } from '../io/log-file.ts'
import { type ProcessIdentity, isAlive } from './process-identity.ts'

/** Enough for the reason of a failure, little enough for an error message. */
const TAIL_BYTES = 4096
const TAIL_LINES = 8

/** A QEMU and its log: `qemu.log` in the runtime directory of its domain. */
export class QemuProcess {
  readonly identity: ProcessIdentity
  readonly logPath: string
  readonly #logOffset: number

  /** `logOffset` is where its own lines begin; without it, all of the log is taken for its own. */
  constructor(identity: ProcessIdentity, directory: string, logOffset: number = 0) {
    this.identity = identity
    this.logPath = logPathIn(directory)
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

/** Where the output of the QEMU of a runtime directory goes. */
export function logPathIn(directory: string): string {
  return join(directory, 'qemu.log')
}

/**
 * The lines of a tail that tell why: warnings go when anything else is there, those of what is deprecated always. QEMU 11.1 has such for every `-mon`.
 */
export function lastLines(text: string): string {
  const lines = text
    .split('\n')
    .filter((line) => line.trim() !== '' && !/\bwarning: .* is deprecated\b/.test(line))
  const telling = lines.filter((line) => !/\bwarning: /.test(line))
  return (telling.length > 0 ? telling : lines).slice(-TAIL_LINES).join('\n')
}
