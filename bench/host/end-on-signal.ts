import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { constants } from 'node:os'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** When a signal ends this process, ends every process that has the first directory in its arguments, and removes all directories. */
export function endOnSignal(directory: string, ...others: readonly string[]): void {
  for (const signal of SIGNALS) {
    process.once(signal, () => {
      for (const pid of processesOf(directory)) process.kill(pid, 'SIGKILL')
      process.exit(128 + constants.signals[signal])
    })
  }
  process.once('exit', () => {
    for (const path of [directory, ...others]) rmSync(path, { recursive: true, force: true })
  })
}

function processesOf(directory: string): readonly number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'latin1')
        return pid > 0 && pid !== process.pid && argv.includes(directory)
      } catch {
        return false
      }
    })
}
