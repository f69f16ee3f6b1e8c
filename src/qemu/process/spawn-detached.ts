import { spawn } from 'node:child_process'
import { fstatSync } from 'node:fs'

import { QemuError } from '../../errors.ts'
import { closeOnExec } from '../../io/processes/inherited-descriptors.ts'
import { type ResourceLimits, withLimits } from '../../io/processes/resource-limits.ts'

const NO_CORE_DUMP: ResourceLimits = { coreDump: false, lockedMemory: false }

/** A child of ours, while we wait until it is ready. */
export interface SpawnedChild {
  readonly pid: number
  /** Aborted when it ends; the reason describes the end: `exit code 1`, `SIGKILL`. */
  readonly ended: AbortSignal
  /** Sends SIGKILL, then waits until it is reaped. */
  kill(): Promise<void>
}

/**
 * Starts a program in its own session without input. Its output goes to `outputFd`, and `extraFds` become its descriptors 3, 4, …; it inherits no
 * others. It does not keep our event loop alive. `env` is its whole environment. Unless `limits` says otherwise it leaves no core dump, which would contain the memory
 * of a guest. Throws `QEMU_NOT_FOUND`, `QEMU_START_FAILED`.
 */
export async function spawnDetached(
  program: string,
  argv: readonly string[],
  outputFd: number | 'ignore',
  extraFds: readonly number[],
  options: {
    readonly cwd?: string | undefined
    readonly env: NodeJS.ProcessEnv
    readonly limits?: ResourceLimits | undefined
  },
): Promise<SpawnedChild> {
  closeOnExec()
  requireOpen(program, extraFds)
  const child = withLimits(options.limits ?? NO_CORE_DUMP, () => {
    try {
      return spawn(program, argv, {
        cwd: options.cwd ?? '/',
        detached: true,
        env: options.env,
        stdio: ['ignore', outputFd, outputFd, ...extraFds],
      })
    } catch (cause) {
      throw spawnFailure(program, cause as NodeJS.ErrnoException)
    }
  })
  const end = new AbortController()
  const reaped = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      end.abort(signal ?? `exit code ${code}`)
      resolve()
    })
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (cause) => reject(spawnFailure(program, cause)))
  })
  child.unref()
  return {
    pid: child.pid ?? 0,
    ended: end.signal,
    kill: async () => {
      child.ref()
      child.kill('SIGKILL')
      await reaped
    },
  }
}

/**
 * libuv opens a pipe just before it forks. If that got the number of a closed descriptor of ours, the program would inherit its end, and libuv would wait
 * until the program ends, with this whole thread (libuv 1.52, `uv_spawn`).
 */
function requireOpen(program: string, fds: readonly number[]): void {
  for (const fd of fds)
    try {
      fstatSync(fd)
    } catch (cause) {
      throw spawnFailure(program, cause as NodeJS.ErrnoException)
    }
}

function spawnFailure(program: string, cause: NodeJS.ErrnoException): QemuError {
  const facts = { operation: 'start QEMU', path: program, cause }
  return cause.code === 'ENOENT'
    ? new QemuError('QEMU_NOT_FOUND', `There is no QEMU at ${program}`, {
        ...facts,
        hint: 'Install QEMU, or correct <emulator> in the domain XML',
      })
    : new QemuError('QEMU_START_FAILED', `${program} cannot be run (${cause.code})`, facts)
}
