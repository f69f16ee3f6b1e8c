import { StasisError } from '../../errors.ts'

/**
 * Of the faults of both ends of a transfer the one that explains the others: the cancellation when `signal` was aborted, else the first that
 * `ranking` names, else one that is not a mere consequence of a cancellation.
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
