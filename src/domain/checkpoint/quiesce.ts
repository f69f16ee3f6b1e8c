import { messageOf } from '../../errors.ts'
import type { HeldDomain } from '../catalogue/held-domain.ts'
import { freezeGuest, thawGuest } from '../machine/freeze.ts'
import { readRecord, writeRecord } from '../store/runtime-record.ts'

/** Freezes the file systems of the guest. The record says so first: whoever lets the guest run again thaws it. */
export async function freezeRecorded({ name, paths }: HeldDomain): Promise<void> {
  const record = await readRecord(paths)
  if (record !== undefined) await writeRecord(paths, { ...record, frozen: true })
  await freezeGuest(name, paths)
}

/** Thaws them. The checkpoint is made by then, so a failure is a warning. */
export async function thawOrWarn(
  { name, paths }: HeldDomain,
  warn: ((text: string) => void) | undefined,
): Promise<void> {
  await thawGuest(name, paths).catch((error: unknown) => warn?.(messageOf(error)))
}
