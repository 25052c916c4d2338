/** msgpackr without its native part. Its own types of this entry lead nowhere for modules. */
declare module 'msgpackr/pack' {
  export {
    addExtension,
    isNativeAccelerationEnabled,
    Packr,
    RESET_BUFFER_MODE,
    REUSE_BUFFER_MODE,
    Unpackr,
  } from 'msgpackr';
}
