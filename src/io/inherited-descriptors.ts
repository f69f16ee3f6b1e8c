import { readFileSync, readdirSync } from 'node:fs'
import { setCloseOnExec } from './system-calls.ts'

/** Node itself marks those that it inherits up to here, and all that it opens (libuv `uv_disable_stdio_inheritance`). */
const MARKED_BY_NODE = 16

/** O_CLOEXEC in `/proc/PID/fdinfo`. */
const CLOSE_ON_EXEC = 0o2000000

/** Lets no program that is started from now on inherit a descriptor that this process inherited from its own parent. */
export function closeOnExec(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const fd = Number(name)
    if (fd <= MARKED_BY_NODE) continue
    const flags = flagsOf(fd)
    if (flags !== undefined && (flags & CLOSE_ON_EXEC) === 0) setCloseOnExec(fd)
  }
}

/** `undefined` for a descriptor that is closed meanwhile, as that of the directory of descriptors is. */
function flagsOf(fd: number): number | undefined {
  try {
    const [, flags] =
      /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? []
    return flags === undefined ? undefined : Number.parseInt(flags, 8)
  } catch {
    return undefined
  }
}
