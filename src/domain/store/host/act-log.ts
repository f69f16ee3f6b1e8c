import { appendFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeDirectory } from '../../../io/files/directory.ts'
import { writeSystemLog } from '../../../io/system-log.ts'
import { placeOfHost } from '../host-directory.ts'
import type { Directories } from '../directories.ts'

/** The log, in the state directory, of acts that Stasis did by itself. */
const NAME = 'stasis.log'

const MAX_BYTES = 256 * 1024

/**
 * Writes an act that Stasis did to a domain by itself to `stasis.log` in the state directory and to the system's log. A log that cannot be written does not
 * fail the act. The file is renamed to `stasis.log.old` when it is full.
 */
export async function logAct({ stateDir }: Directories, name: string, act: string): Promise<void> {
  const path = placeOfHost(stateDir, NAME)
  try {
    writeSystemLog(`domain '${name}': ${act}`)
  } catch {
    // See above.
  }
  try {
    await makeDirectory(dirname(path))
    const size = await stat(path).then(
      (found) => found.size,
      () => 0,
    )
    if (size > MAX_BYTES) await rename(path, `${path}.old`)
    const line = `${new Date().toISOString()} domain '${name}': ${act}\n`
    await appendFile(path, line, { mode: 0o600 })
  } catch {
    // See above.
  }
}
