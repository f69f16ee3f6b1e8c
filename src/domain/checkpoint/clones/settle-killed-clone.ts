import { removeTree } from '../../../io/files/directory.ts'
import { onceFree } from '../../catalogue/once-free.ts'
import { logAct } from '../../store/host/act-log.ts'
import { readCheckpoints } from '../../store/checkpoints/checkpoint-record.ts'
import type { Directories } from '../../store/directories.ts'
import { settleCheckpoints } from '../settle-checkpoints.ts'

/** A clone of a running domain that was killed. */
export interface KilledClone {
  /** The domain, which continues. */
  readonly name: string
  readonly directories: Directories
  /** The pid of the killed process, for the log. */
  readonly pid: number
  /** The directory of the memory, which nobody needs any more. */
  readonly memory: string
}

/**
 * Removes the memory of a clone that was killed, and the checkpoint that it had made for a moment. Clones that run already keep their memory and their disks. Waits while another command works on the domain.
 * @throws StasisError
 */
export async function settleKilledClone({
  name,
  directories,
  pid,
  memory,
}: KilledClone): Promise<void> {
  await removeTree(memory)
  await onceFree(name, 'clone', directories, {
    isLeft: () => isLeft(name, directories),
    async act(held) {
      await settleCheckpoints(held)
      const text = `process ${pid}, which was cloning it, was killed; its checkpoint was deleted`
      await logAct(directories, name, text)
    },
  })
}

async function isLeft(name: string, directories: Directories): Promise<boolean> {
  const records = await readCheckpoints(directories, name)
  return records.some(({ temporary, deleted }) => temporary !== undefined && deleted !== true)
}
