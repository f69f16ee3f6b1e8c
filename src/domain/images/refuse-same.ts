import { UsageError } from '../../errors.ts'
import { keyOf } from '../catalogue/files/guest-files.ts'

/** @throws UsageError BAD_ARGUMENT when an image would replace the one that it is made from */
export async function refuseSame(
  input: string,
  output: string,
  done: 'converted' | 'salvaged',
): Promise<void> {
  const [one, other] = await Promise.all([input, output].map(keyOf))
  if (one === undefined || one.key !== other?.key) return
  throw new UsageError('BAD_ARGUMENT', `${output} is the image that is to be ${done}`, {
    path: output,
    hint: 'Write to another file, then rename it',
  })
}
