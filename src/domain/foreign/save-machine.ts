import { join } from 'node:path'
import type { FilePath } from '../../io/files/given-path.ts'
import { makeScratchDirectory } from '../../qemu/probe/scratch-directory.ts'
import { type SaveOptions, type SaveResult, saveDomain } from '../save/save.ts'
import { checkOptions } from '../store/check-options.ts'
import { attachDomain } from './attach.ts'

/** How to save a QEMU that the caller started. */
export interface SaveMachineOptions extends Omit<SaveOptions, 'stateDir' | 'runtimeDir'> {
  /** The unix socket of a QMP monitor that no other program uses meanwhile. */
  readonly qmp: string
  /** The path of the new image. */
  readonly path: FilePath
  /** The name of the machine in the image. Default: the name of QEMU's `-name`, else `qemu-PID`. */
  readonly name?: string | undefined
}

/**
 * Saves a QEMU that the caller started, and ends it once the image is durable. No state directory is used.
 * @throws as `attachDomain` and `saveDomain`
 * @example
 * const { image } = await saveMachine({ qmp: '/run/vm/qmp.sock', path: '/backup/vm.save' })
 */
export async function saveMachine(options: SaveMachineOptions): Promise<SaveResult> {
  checkOptions(options)
  const { qmp, path, name, ...rest } = options
  await using scratch = await makeScratchDirectory('stasis-machine-')
  const directories = { stateDir: scratch.path, runtimeDir: join(scratch.path, 'run') }
  const { signal } = options
  const attached = await attachDomain(qmp, { ...directories, name, signal })
  return await saveDomain(attached.name, path, { ...rest, ...directories })
}
