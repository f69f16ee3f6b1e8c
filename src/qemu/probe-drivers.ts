import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { cleanEnvironment } from '../io/clean-environment.ts'

const run = promisify(execFile)

/** Options whose drivers QMP does not list. */
export type DriverOption = '-audiodev' | '-display'

/**
 * The drivers of an option that a QEMU has, in files of its own too, as `help` lists them. Empty when it does not answer: then none of them is used but
 * those that do nothing.
 */
export async function probeDrivers(
  emulator: string,
  option: DriverOption,
): Promise<readonly string[]> {
  try {
    const { stdout } = await run(emulator, [option, 'help'], {
      env: cleanEnvironment(),
      timeout: 60_000,
    })
    return stdout
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => /^[a-z][\w-]*$/.test(line))
  } catch {
    return []
  }
}
