// What a user's program may look like: the sample of the documents and a name of every kind. It must compile under `strict`.
import { type Domain, type Operation, Stasis, StasisError } from 'stasis'
import type { RestoredDomain, RestoreProgress, SaveProgress, SaveResult } from 'stasis'
import { type StasisErrorCode, UsageError } from 'stasis/errors'
import { convertImage, inspectImage, openImage } from 'stasis/image'
import { QmpConnection } from 'stasis/qmp'

export async function park(): Promise<void> {
  const stasis = new Stasis({ stateDir: '/var/lib/stasis' })
  const web: Domain = await stasis.domain('web')
  const saving: Operation<SaveResult, SaveProgress> = web.save('/backup/web.save', { channels: 4 })
  for await (const p of saving) if (p.phase === 'transferring') console.log(p.percent)
  const { image, timing } = await saving
  console.log(timing.downtimeMs)
  saving.cancel('shutting down')
  const restoring: Operation<RestoredDomain, RestoreProgress> = stasis.restore(image.path, {
    mode: 'lazy',
    signal: AbortSignal.timeout(60_000),
  })
  const restored = await restoring
  await restored.allMemory()
  await restored.clone('web-2', { overlays: '/var/lib/clones' })
  for await (const event of stasis.events()) console.log(event.domain, event.detail)
  await using saved = await openImage('/backup/web.save')
  for (const block of saved.pages?.blocks ?? []) console.log(block.name, block.length)
  await convertImage('/backup/web.save', '/backup/web.raw', { format: 'raw' })
  await using qmp = await QmpConnection.connect('/run/qmp.sock')
  const { status } = await qmp.execute('query-status')
  console.log(status)
  try {
    await web.save('/full/disk')
  } catch (error) {
    if (StasisError.is(error, 'NO_SPACE')) console.error(error.hint)
    // @ts-expect-error there is no such code
    if (StasisError.is(error, 'NO_SPAC')) console.error(error)
  }
  await using console_ = await web.console()
  console_.output.on('data', (bytes: Uint8Array) => console.log(bytes.length))
  // @ts-expect-error there is no such mode
  void stasis.restore('x', { mode: 'x' })
}

export async function inspect(path: string): Promise<string> {
  const code: StasisErrorCode = 'BAD_ARGUMENT'
  console.log(new UsageError(code, 'an example').message)
  return (await inspectImage(path)).format
}
