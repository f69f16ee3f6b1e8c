import { spawnSync } from 'node:child_process'
import { libraryCalls } from '../../src/io/koffi.ts'

/** What a command cost, with all processes that it waited for. */
export interface Cost {
  /** User and system time. */
  readonly processorMs: number
  readonly wallMs: number
  /** Milliseconds since 1970. */
  readonly endedAt: number
  readonly stdout: string
}

const call = libraryCalls({ getrusage: 'int getrusage(int who, _Out_ uint8_t *usage)' })

const RUSAGE_CHILDREN = -1
/** `struct rusage`, Linux getrusage(2): user time, system time, 14 more numbers. */
const RUSAGE_LENGTH = 2 * 16 + 14 * 8
/** The offset of `ru_maxrss`, in KiB. */
const MAX_RSS = 2 * 16

/** Runs a command to its end. */
export function costOf(command: readonly string[], env: NodeJS.ProcessEnv = process.env): Cost {
  const [program = '', ...args] = command
  const before = childrenMs()
  const start = performance.now()
  const { status, stdout, stderr } = spawnSync(program, args, {
    ...{ env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const wallMs = performance.now() - start
  const endedAt = Date.now()
  if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stderr}`)
  return { processorMs: childrenMs() - before, wallMs, endedAt, stdout }
}

/** The most memory, in bytes, that one of the processes had that this one waited for. */
export function peakOfChildren(): number {
  return Number(usageOfChildren().readBigInt64LE(MAX_RSS)) * 1024
}

function usageOfChildren(): Buffer {
  const usage = Buffer.alloc(RUSAGE_LENGTH)
  call('getrusage', RUSAGE_CHILDREN, usage)
  return usage
}

function childrenMs(): number {
  const usage = usageOfChildren()
  const at = (offset: number): number =>
    Number(usage.readBigInt64LE(offset)) * 1000 + Number(usage.readBigInt64LE(offset + 8)) / 1000
  return at(0) + at(16)
}
