import { StasisError } from '../../errors.ts'

/**
 * Selects, from the faults of both ends of a transfer, the one that explains the others: the cancellation when `signal` was aborted, or else the
 * first that matches `ranking`, or else one that is not just a consequence of a cancellation.
 */
export function mostSpecificFault(
  faults: readonly unknown[],
  signal: AbortSignal | undefined,
  ranking: readonly ((fault: unknown) => boolean)[],
): unknown {
  const isCancelled = (fault: unknown): boolean => StasisError.is(fault, 'CANCELLED')
  if (signal?.aborted === true) {
    const cancelled = faults.find(isCancelled)
    if (cancelled !== undefined) return cancelled
  }
  const reasons = faults.filter((fault) => !isCancelled(fault))
  for (const ranks of ranking) {
    const found = reasons.find(ranks)
    if (found !== undefined) return found
  }
  return reasons[0] ?? faults[0]
}
