import { readdir } from 'node:fs/promises'
import { storageError } from '../../io/storage-error.ts'
import { commandLineOf } from './process-file.ts'

/** The processes of this host with an argument that contains a text, such as the id of a restore. @throws StorageError */
export async function findByArgument(text: string): Promise<readonly number[]> {
  const names = await readdir('/proc').catch((error: unknown) => {
    throw storageError('look at the processes of this host', '/proc', error)
  })
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(
    pids.map(async (pid) => (await commandLineOf(pid)).some((argument) => argument.includes(text))),
  )
  return pids.filter((_, index) => found[index])
}
