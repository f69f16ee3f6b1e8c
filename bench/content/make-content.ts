import { type BenchSetting, filledBytes } from '../setting.ts'
import { makeLinuxContent } from './linux-content.ts'
import { makeMixedContent } from './mixed-content.ts'

/** `mixed`: random bytes and log lines in turn. `linux`: taken from the memory of a Linux guest. */
export type ContentName = 'mixed' | 'linux'

/** A longer content is repeated: no compressor here looks back that far. */
const MOST = 1536 * 2 ** 20

/** Makes the content of guests up to a size. */
export async function makeContent(
  name: ContentName,
  path: string,
  setting: Pick<BenchSetting, 'ramBytes' | 'directory' | 'emulator'>,
): Promise<void> {
  const length = Math.min(filledBytes(setting), MOST)
  if (name === 'mixed') makeMixedContent(path, length)
  else await makeLinuxContent(path, length, setting)
}
