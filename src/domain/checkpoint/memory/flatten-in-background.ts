import { fileURLToPath } from 'node:url'
import { openImage } from '../../../image/open-image.ts'
import { programUrl } from '../../../io/program-url.ts'
import { spawnHelper } from '../../../qemu/process/spawn-helper.ts'
import type { HeldDomain } from '../../catalogue/held-domain.ts'
import { MOST_IMAGES } from './choose-base.ts'
import type { FlattenCall } from './flatten-call.ts'

const PROGRAM: string = fileURLToPath(programUrl(new URL('./flatten-main.ts', import.meta.url)))

/**
 * If the memory of a checkpoint consists of as many images as are allowed, a process of its own flattens it, so that the next checkpoint can be based on it. If that process fails or
 * is killed, the next checkpoint is stored whole. @throws ImageError, StorageError, QemuError
 */
export async function flattenIfLong(
  { directories, name: domain }: HeldDomain,
  name: string,
  path: string,
): Promise<void> {
  await using machine = await openImage(path, { direct: false })
  if ((machine.bases?.length ?? 0) + 1 < MOST_IMAGES) return
  const { stateDir, runtimeDir } = directories
  const call: FlattenCall = { domain, name, stateDir, runtimeDir }
  await spawnHelper(PROGRAM, [JSON.stringify(call)], 'ignore')
}
