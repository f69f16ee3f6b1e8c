import { readFileSync, readdirSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** The processes that wait for the death of a saving, converting or restoring process of a state directory, or act after it. */
export function watchersOf(stateDir: string): readonly number[] {
  return processesOf(stateDir, (commandLine) =>
    /killed-(save|snapshot|conversion|restore|clone)-main\.c?[jt]s/.test(commandLine),
  )
}

/** Kills them. One may have ended by itself since it was seen. */
export function killWatchers(stateDir: string): void {
  for (const pid of watchersOf(stateDir)) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** Waits until none is there. One that becomes our program has no command line for a moment, so one look is not enough. */
export async function watchersEnd(stateDir: string): Promise<void> {
  const start = performance.now()
  for (let empty = 0; empty < 10;) {
    if (performance.now() - start > 30_000) throw new Error('A watcher does not end')
    empty = watchersOf(stateDir).length > 0 ? 0 : empty + 1
    await delay(20)
  }
}

/** The processes whose command line names a file below a directory and passes a test; its arguments are separated by NUL. */
export function processesOf(
  directory: string,
  test: (commandLine: string) => boolean,
): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const text = commandLineOf(pid)
      return text.includes(directory) && test(text)
    })
    .map(Number)
}

/** Empty for a process that is gone, or dead and not reaped. */
function commandLineOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}
