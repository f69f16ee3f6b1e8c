import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** Tries to open a device for reading and writing; returns the errno's name on failure, such as `EACCES`. */
export async function deviceFault(path: string): Promise<string | undefined> {
  try {
    const handle = await open(path, 'r+')
    await handle.close()
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

/** Opens a terminal for reading and writing, without making it our controlling terminal. Throws Node's error. */
export function openTerminal(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDWR | constants.O_NOCTTY)
}
