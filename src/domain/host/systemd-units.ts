import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { throwIfCancelled } from '../../errors.ts'
import { writeText } from '../../io/records/text-file.ts'
import { packageDirectory } from '../status/version.ts'

/** A unit file of systemd. */
export interface SystemdUnit {
  readonly name: string
  readonly text: string
}

/**
 * The systemd units of this package, as they run `command`: the absolute path of a program, and its first arguments.
 * @throws StorageError
 */
export async function systemdUnits(command: readonly string[]): Promise<readonly SystemdUnit[]> {
  const directory = join(packageDirectory(), 'systemd')
  const names = (await readdir(directory)).filter((name) => name.endsWith('.service')).toSorted()
  const words = command.map(unitWord).join(' ')
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(directory, name), 'utf8')
      const lines = text.replaceAll(
        /^(Exec\w+=-?)\/usr\/bin\/stasis(?= )/gm,
        (_, key: string) => key + words,
      )
      return { name, text: lines }
    }),
  )
}

/** Writes units into a directory of systemd. Returns their paths. @throws StorageError */
export async function writeSystemdUnits(
  units: readonly SystemdUnit[],
  directory: string,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<readonly string[]> {
  const paths: string[] = []
  for (const { name, text } of units) {
    throwIfCancelled('write the units', signal)
    const path = join(directory, name)
    await writeText(path, text, { durable: true, mode: 0o644 })
    paths.push(path)
  }
  return paths
}

/** A word of a command line in a unit (systemd.service(5)): `%` and `$` are its own, and blanks divide words. */
function unitWord(word: string): string {
  const escaped = word.replaceAll('%', '%%').replaceAll('$', '$$$$')
  return /^[\w%$./:@+,=-]+$/.test(escaped)
    ? escaped
    : `"${escaped.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}
