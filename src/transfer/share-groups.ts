import { throwIfCancelled } from '../errors.ts'
import type { PageStore } from '../image/saved-machine.ts'

/** How much of the image one worker takes at once. */
export const GROUP_LENGTH: number = 2 * 1024 * 1024

/** Options for sharing groups of frames. */
export interface ShareOptions {
  readonly workers: number
  /** For the error of an abort. */
  readonly operation: string
  readonly signal?: AbortSignal | undefined
}

/**
 * Shares all frames of an image among workers, group by group in the order of the file: each worker, numbered from 0, takes the next group when it
 * has finished its last. The first fault ends all workers; none runs after this settles.
 * @throws errors of `take`; CancelledError
 */
export async function shareGroups(
  pages: PageStore,
  options: ShareOptions,
  take: (group: Uint32Array, worker: number) => Promise<void>,
): Promise<void> {
  await shareItems(pages.groups(GROUP_LENGTH), options, take)
}

/** Shares anything else among workers in the same way. @throws as `shareGroups` */
export async function shareItems<Item>(
  items: Generator<Item, void, undefined>,
  options: ShareOptions,
  take: (item: Item, worker: number) => Promise<void>,
): Promise<void> {
  // All workers share one generator; the first that leaves its loop early closes it for the others.
  const work = async (worker: number): Promise<void> => {
    for (const item of items) {
      throwIfCancelled(options.operation, options.signal)
      await take(item, worker)
    }
  }
  const workers = Array.from({ length: options.workers }, (_, worker) => work(worker))
  for (const result of await Promise.allSettled(workers))
    if (result.status === 'rejected') throw result.reason
}
