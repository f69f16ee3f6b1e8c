import { libraryCalls } from '../koffi.ts'
import { lastFault } from '../system-calls.ts'

const call = libraryCalls({
  prlimit: 'int prlimit(int pid, int resource, const uint8_t *limits, _Out_ uint8_t *before)',
})

// Linux include/uapi/asm-generic/resource.h; Node runs on no architecture with other numbers.
const RLIMIT_CORE = 4
const RLIMIT_MEMLOCK = 8
const UNLIMITED = 0xffff_ffff_ffff_ffffn

/** The limits of a program that we start, where they are not our own (Linux getrlimit(2)). */
export interface ResourceLimits {
  /** It may leave a core dump, as far as our own hard limit allows. */
  readonly coreDump: boolean
  /** It locks all of its memory: no limit, or as much as we may allow. */
  readonly lockedMemory: boolean
}

/** Runs `start`, which starts a program before it returns, so that the program inherits other limits than ours. */
export function withLimits<Result>(limits: ResourceLimits, start: () => Result): Result {
  const core = getLimit(RLIMIT_CORE)
  const locked = getLimit(RLIMIT_MEMLOCK)
  try {
    setLimit(RLIMIT_CORE, { ...core, soft: limits.coreDump ? core.hard : 0n })
    if (limits.lockedMemory) raise(RLIMIT_MEMLOCK, locked)
    return start()
  } finally {
    setLimit(RLIMIT_CORE, core)
    setLimit(RLIMIT_MEMLOCK, locked)
  }
}

/** Whether we may lift the limit of locked memory for a program. */
export function mayLockMemory(): boolean {
  const before = getLimit(RLIMIT_MEMLOCK)
  try {
    setLimit(RLIMIT_MEMLOCK, { ...before, hard: UNLIMITED })
    setLimit(RLIMIT_MEMLOCK, before)
    return true
  } catch {
    return false
  }
}

interface Limit {
  readonly soft: bigint
  readonly hard: bigint
}

/** Without limit where we may raise our hard limit, otherwise as far as it goes. */
function raise(resource: number, { hard }: Limit): void {
  try {
    setLimit(resource, { soft: UNLIMITED, hard: UNLIMITED })
  } catch {
    setLimit(resource, { soft: hard, hard })
  }
}

function getLimit(resource: number): Limit {
  const bytes = Buffer.alloc(16)
  check(call('prlimit', 0, resource, null, bytes))
  return { soft: bytes.readBigUInt64LE(0), hard: bytes.readBigUInt64LE(8) }
}

function setLimit(resource: number, { soft, hard }: Limit): void {
  const bytes = Buffer.alloc(16)
  bytes.writeBigUInt64LE(soft, 0)
  bytes.writeBigUInt64LE(hard, 8)
  check(call('prlimit', 0, resource, bytes, null))
}

function check(result: unknown): void {
  if ((result as number) < 0) throw lastFault('prlimit')
}
