/** Words of the shared memory, before those of channels and slots. */
const EPOCH = 0
const DISCARDING = 1
const LEVEL = 2
const FIRST_CHANNEL = 3

const FREE = 0
const TAKEN = 1
const ENDED = 2

/** So long one waits for a change before looking again: a thread that was told to end never gets one. */
const LOOK_MS = 250

/**
 * What receiving threads and the thread that writes share: who reads from which channel, which slots are free. Whoever changes
 * something wakes those who wait.
 */
export class ReceiveState {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #channelCount: number
  readonly #firstOpened: number
  readonly #firstSlot: number
  readonly #slotCount: number

  /** Over `memory` of another one on another thread, or new. */
  constructor(
    channelCount: number,
    slotCount: number,
    memory: SharedArrayBuffer = new SharedArrayBuffer(
      (FIRST_CHANNEL + channelCount * 2 + slotCount) * 4,
    ),
  ) {
    this.memory = memory
    this.#words = new Int32Array(memory)
    this.#channelCount = channelCount
    this.#firstOpened = FIRST_CHANNEL + channelCount
    this.#firstSlot = this.#firstOpened + channelCount
    this.#slotCount = slotCount
  }

  /** The compression level for the next frame. */
  get level(): number {
    return Atomics.load(this.#words, LEVEL)
  }

  set level(level: number) {
    Atomics.store(this.#words, LEVEL, level)
  }

  /** Whether what comes is only taken and dropped. */
  get discarding(): boolean {
    return Atomics.load(this.#words, DISCARDING) !== 0
  }

  discard(): void {
    Atomics.store(this.#words, DISCARDING, 1)
    this.#changed()
  }

  /** The channels that nobody reads from; `undefined` when all have ended. */
  idleChannels(): readonly number[] | undefined {
    const idle: number[] = []
    let ended = 0
    for (let channel = 0; channel < this.#channelCount; channel += 1) {
      const state = Atomics.load(this.#words, FIRST_CHANNEL + channel)
      if (state === FREE) idle.push(channel)
      else if (state === ENDED) ended += 1
    }
    return ended === this.#channelCount ? undefined : idle
  }

  /** Whether this thread reads from the channel from now on. */
  takeChannel(channel: number): boolean {
    return this.#take(FIRST_CHANNEL + channel)
  }

  /** Whether this is the first time that anybody reads from the channel. For who has taken it. */
  openChannel(channel: number): boolean {
    return this.#take(this.#firstOpened + channel)
  }

  releaseChannel(channel: number): void {
    this.#set(FIRST_CHANNEL + channel, FREE)
  }

  endChannel(channel: number): void {
    this.#set(FIRST_CHANNEL + channel, ENDED)
  }

  /** A free slot; waits for one. `undefined` when everything is dropped from now on. Not for the thread that writes. */
  takeSlot(): number | undefined {
    for (;;) {
      const epoch = this.epoch()
      if (this.discarding) return undefined
      for (let slot = 0; slot < this.#slotCount; slot += 1)
        if (this.#take(this.#firstSlot + slot)) return slot
      this.waitForChange(epoch)
    }
  }

  releaseSlot(slot: number): void {
    this.#set(this.#firstSlot + slot, FREE)
  }

  /** To be taken before looking, for `waitForChange`. */
  epoch(): number {
    return Atomics.load(this.#words, EPOCH)
  }

  /** Waits until something has changed since `epoch`, or for a while. */
  waitForChange(epoch: number): void {
    Atomics.wait(this.#words, EPOCH, epoch, LOOK_MS)
  }

  #take(word: number): boolean {
    return Atomics.compareExchange(this.#words, word, FREE, TAKEN) === FREE
  }

  #set(word: number, state: number): void {
    Atomics.store(this.#words, word, state)
    this.#changed()
  }

  #changed(): void {
    Atomics.add(this.#words, EPOCH, 1)
    Atomics.notify(this.#words, EPOCH)
  }
}
