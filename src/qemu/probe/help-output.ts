import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { cleanEnvironment } from '../../io/processes/clean-environment.ts'

const run = promisify(execFile)

/** Options whose values a QEMU lists. */
export type ListedOption = '-spice' | '-audiodev' | '-display' | '-chardev'

/**
 * The words with which a QEMU answers `-spice help`, `-audiodev help` and the like: QMP does not list what modules can do, and listing all its types
 * (`qom-list-types`) ends a QEMU 10.0 some of whose modules are of another build (util/module.c, an assertion). Empty when it has no such option.
 */
export async function helpWords(
  emulator: string,
  option: ListedOption,
): Promise<ReadonlySet<string>> {
  const key = `${option} ${emulator}`
  const words = known.get(key) ?? wordsOf(await stdoutOf(emulator, [option, 'help']))
  known.set(key, words)
  return words
}

/** Whether a QEMU has a device. */
export async function hasDevice(emulator: string, device: string): Promise<boolean> {
  return (await stdoutOf(emulator, ['-device', `${device},help`])) !== ''
}

const known = new Map<string, ReadonlySet<string>>()

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.split(/[\s=]+/).filter((word) => /^[a-z][\w-]*$/.test(word)))
}

/** The exit code says nothing: it is 1 after the help of `-spice`, and 0 after that of a missing device (7.2, 10.0). */
async function stdoutOf(emulator: string, argv: readonly string[]): Promise<string> {
  const options = { env: cleanEnvironment(), timeout: 60_000 }
  try {
    return (await run(emulator, argv, options)).stdout.trim()
  } catch (error) {
    return ((error as { readonly stdout?: string }).stdout ?? '').trim()
  }
}
