import { dirname, join } from 'node:path'
import { isExecutable } from '../probe/find-emulator.ts'

/** The `qemu-img` beside an emulator, or else the one in PATH. */
export async function findQemuImg(emulator?: string): Promise<string> {
  if (emulator === undefined) return 'qemu-img'
  const beside = join(dirname(emulator), 'qemu-img')
  return (await isExecutable(beside)) ? beside : 'qemu-img'
}
