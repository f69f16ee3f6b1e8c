/**
 * Save images as files. It needs no domain, no state directory and no QEMU.
 * @module stasis/image
 */

import './node-version.ts'

export { openImage, readDescription } from './open-image.ts'
export type { OpenImageOptions } from './open-image.ts'
export { convertImage } from '../domain/images/convert-image.ts'
export type {
  ConvertOptions,
  ConvertProgress,
  ConvertResult,
} from '../domain/images/convert-image.ts'
export { defineImage } from '../domain/images/define-image.ts'
export type { DefineImageOptions } from '../domain/images/define-image.ts'
export { inspectImage } from '../domain/images/image-info.ts'
export type { ImageBlockInfo, ImageInfo, ImageInfoOptions } from '../domain/images/image-info.ts'
export { verifyImage } from '../domain/images/verify-image.ts'
export type {
  ImageVerification,
  VerifiedBlock,
  VerifyImageOptions,
} from '../domain/images/verify-image.ts'
export type { ImageDamage } from '../domain/images/image-damage.ts'
export type { AddressRange } from '../domain/images/guest-addresses.ts'
export type { DamageKind, ImagePart, StoredAs } from '../transfer/verify/damage.ts'
export { salvageImage } from '../domain/images/salvage-image.ts'
export type {
  SalvageOptions,
  SalvageProgress,
  SalvageResult,
} from '../domain/images/salvage-image.ts'
export type { Salvage } from '../domain/cookie/salvage-cookie.ts'
export type { LiveMark } from '../domain/cookie/live-cookie.ts'
export type { ImageProvenance } from '../domain/cookie/provenance.ts'
export type { OnProgress, TransferMeasure } from '../domain/progress/progress.ts'
export type { DomainXml, XmlText } from '../domain/store/xml-text.ts'
export type { FilePath } from '../io/files/given-path.ts'
export type { Compression } from '../image/compression.ts'
export type { FrameCodec } from '../image/stasis/frame-codec.ts'
export type { Codec } from '../io/codecs/codec-table.ts'
export type { FrameFault } from '../image/stasis/frame-fault.ts'
export type { MultifdCompression } from '../wire/multifd-packet.ts'
export type { Packing, SaveFormat, StreamFormat } from '../image/save-format.ts'
export type {
  ChannelStreams,
  FramePlace,
  MachineDescription,
  MappedRamFile,
  PageRange,
  PageSpan,
  PageStore,
  RamBlock,
  SavedMachine,
  SingleStream,
  StoredFrames,
} from '../image/saved-machine.ts'
export type { FoundDigest } from '../image/digest/find-digest.ts'
export type { ImageDigest } from '../image/digest/layout.ts'
export type { CompressionLevel } from '../transfer/image-receiver.ts'
export type { DescribedDevice } from '../wire/device-description.ts'
export type { DeviceState } from '../wire/device-state.ts'
