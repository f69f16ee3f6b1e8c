import type { SavedMachine } from '../../image/saved-machine.ts'
import { contVm, isRefusedRun } from '../../migration/run-state.ts'
import type { QmpConnection } from '../../qmp/connection.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import type { LaunchNeeds } from '../machine/launch/launch-needs.ts'
import { PostcopyStart } from '../postcopy/postcopy-start.ts'
import { refuseBacking } from './backing.ts'
import { chooseLoader } from './choose-loader.ts'
import type {
  BringOptions,
  Brought,
  HandOver,
  MemorySource,
  ResumeOptions,
  WaitingQemu,
} from './memory-source.ts'
import type { InstantWay, OpenLoader, SourceOptions } from './source-choice.ts'
import { refusalError, unfit } from './source-refusal.ts'

/** The guest runs as soon as its devices are in QEMU, and its memory arrives by postcopy. */
export const POSTCOPY: InstantWay = {
  mode: 'lazy',
  how: 'loaded on demand',
  async consider(image, machine, request) {
    if (image.pages === undefined || image.deviceState === undefined)
      return unfit(`pages of an image of format ${image.format} cannot be read one by one`)
    const refusal = refuseBacking(machine.domain) ?? (await request.postcopyObstacle())
    if (refusal !== undefined) return refusal
    const { domain, emulator } = machine
    const requested = request.mode === 'lazy'
    // Its QEMU is launched without memory files.
    const capabilities = emulator.probed.migrationCapabilities
    const fallback = requested ? undefined : chooseLoader(image, { backends: [], capabilities })
    return (options) => new PostcopySource(image, domain, { ...options, fallback })
  },
}

interface PostcopyOptions extends SourceOptions {
  /** Loads the image where QEMU refuses a postcopy; without it the refusal is an error. */
  readonly fallback: OpenLoader | undefined
}

class PostcopySource implements MemorySource {
  readonly launchNeeds: LaunchNeeds
  readonly #path: string
  readonly #options: PostcopyOptions
  readonly #start: PostcopyStart
  /** The replacement, where QEMU refused a postcopy. */
  #loader: MemorySource | undefined

  constructor(image: SavedMachine, domain: Domain, options: PostcopyOptions) {
    this.#path = image.path
    this.#options = options
    this.#start = PostcopyStart.begin(options.paths, image, domain, options)
    this.launchNeeds = this.#start.launchNeeds
  }

  async bring(qemu: WaitingQemu, options: BringOptions): Promise<Brought> {
    const refusal = await this.#start.loadDevices(qemu.control, options.signal)
    const needs = { path: this.#path, until: 'memory-loaded' } as const
    if (refusal === undefined) return { mode: 'lazy', allMemory: false, needs }
    const { fallback } = this.#options
    if (fallback === undefined) throw refusalError(this.#path, POSTCOPY.how, refusal)
    await this.#start[Symbol.asyncDispose]()
    this.#loader = fallback(this.#options)
    // The refusal changed no settings, and a query costs little by then.
    const brought = await this.#loader.bring({ ...qemu, fresh: false }, options)
    return { ...brought, otherwise: `no ${POSTCOPY.mode}: ${refusal.reason}` }
  }

  async resume(control: QmpConnection, options: ResumeOptions): Promise<void> {
    if (this.#loader !== undefined) return this.#loader.resume(control, options)
    const { signal, onRunning } = options
    try {
      await this.#start.watch((bounds) => contVm(control, bounds), signal)
    } catch (error) {
      // A guest that may run can only continue here: postcopy-recover loads the missing pages.
      if (!isRefusedRun(error)) onRunning()
      throw error
    }
    onRunning()
  }

  detach(image: AsyncDisposableStack): HandOver {
    if (this.#loader !== undefined) return this.#loader.detach(image)
    this.#start.detach(image.move())
    return () => this.#start.handOver()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loader?.[Symbol.asyncDispose]()
    await this.#start[Symbol.asyncDispose]()
  }
}
