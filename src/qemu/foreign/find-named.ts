import { readdir } from 'node:fs/promises'
import { basename } from 'node:path'
import { storageError } from '../../io/storage-error.ts'
import { commandLineOf, executableOf } from '../process/process-file.ts'

/** A QEMU of this host, whoever started it. */
export interface NamedQemu {
  readonly pid: number
  /** The name given with `-name`. */
  readonly name: string | undefined
  /** The UUID given with `-uuid`, in lower case. */
  readonly uuid: string | undefined
  readonly commandLine: readonly string[]
}

/** The QEMUs on this host, as their command lines describe them. Processes that this user may not look at are not found. @throws StorageError */
export async function findQemus(): Promise<readonly NamedQemu[]> {
  const names = await readdir('/proc').catch((error: unknown) => {
    throw storageError('look at the processes of this host', '/proc', error)
  })
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(pids.map((pid) => read(pid)))
  return found.filter((one) => one !== undefined)
}

async function read(pid: number): Promise<NamedQemu | undefined> {
  const commandLine = await commandLineOf(pid)
  const [program = ''] = commandLine
  // The executable of a process of another user is not accessible; its command line is.
  if (!/qemu|kvm/.test(basename((await executableOf(pid)) ?? program))) return undefined
  const name = nameIn(commandLine)
  const uuid = valueOf(commandLine, 'uuid')?.toLowerCase()
  return name === undefined && uuid === undefined ? undefined : { pid, name, uuid, commandLine }
}

/** `-name web`, `-name guest=web,debug-threads=on`; a comma in a value is doubled (QEMU util/qemu-option.c). */
export function nameIn(commandLine: readonly string[]): string | undefined {
  const value = valueOf(commandLine, 'name')
  if (value === undefined) return undefined
  const parts = value.split(/(?<!,)(?:,,)*,(?!,)/)
  const named = parts.find((part) => part.startsWith('guest='))?.slice('guest='.length)
  const [first = ''] = parts
  const name = named ?? (/^[\w-]+=/.test(first) ? undefined : first)
  return name?.replaceAll(',,', ',')
}

function valueOf(commandLine: readonly string[], option: string): string | undefined {
  const index = commandLine.findIndex(
    (argument) => argument === `-${option}` || argument === `--${option}`,
  )
  return index < 0 ? undefined : commandLine[index + 1]
}
