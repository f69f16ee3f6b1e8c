import { parentPort, workerData } from 'node:worker_threads'
import { crc32c } from '@node-rs/crc32'
import { InternalError } from '../errors.ts'
import { makeCompressor } from '../io/compress.ts'
import { PAGE_SIZE } from '../image/saved-machine.ts'
import { splitByCompressibility } from './compressibility.ts'
import type { CompressJob, CompressThreadData, CompressedPiece } from './compress-job.ts'

/** A frame that does not shrink below this share of its pages is stored as it is. */
const WORTH_COMPRESSING = 0.97

if (parentPort === null) throw new InternalError('This file is the program of a thread')
const port = parentPort
const { codec, input, output } = workerData as CompressThreadData
const compressor = makeCompressor(codec)

port.on('message', (job: CompressJob) => {
  port.postMessage({ id: job.id, pieces: compress(job) })
})

function compress(job: CompressJob): readonly CompressedPiece[] {
  let outputOffset = job.outputOffset
  return job.segments.flatMap(({ inputOffset, pageCount }, segment) => {
    const bytes = new Uint8Array(input, inputOffset, pageCount * PAGE_SIZE)
    return splitByCompressibility(bytes).map((run) => {
      const range = { segment, firstPage: run.firstPage, pageCount: run.pageCount }
      const offset = inputOffset + run.firstPage * PAGE_SIZE
      const pages = new Uint8Array(input, offset, run.pageCount * PAGE_SIZE)
      const target = new Uint8Array(
        output,
        outputOffset,
        Math.floor(pages.length * WORTH_COMPRESSING),
      )
      const length = run.compressible ? compressor.compress(pages, target, job.level) : undefined
      if (length === undefined) {
        return { ...range, compressed: false, offset, length: pages.length, crc: crc32c(pages) }
      }
      const piece = {
        ...range,
        compressed: true,
        offset: outputOffset,
        length,
        crc: crc32c(target.subarray(0, length)),
      }
      outputOffset += length
      return piece
    })
  })
}
