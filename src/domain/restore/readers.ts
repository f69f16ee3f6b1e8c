import { availableParallelism } from 'node:os'
import { UsageError } from '../../errors.ts'

const MAX_READERS = 64

/** The number of workers that read an image at the same time. @throws UsageError BAD_ARGUMENT */
export function resolveReaders(requested: number | undefined): number {
  const readers = requested ?? Math.min(8, availableParallelism() + 1)
  if (Number.isInteger(readers) && readers >= 1 && readers <= MAX_READERS) return readers
  throw new UsageError(
    'BAD_ARGUMENT',
    `readers must be between 1 and ${MAX_READERS}, got ${readers}`,
  )
}
