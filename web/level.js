// How loud a stream is, 0 to 1, once a frame. What only decorates is left out for people who asked
// for less motion.

export function level(stream, tell, { essential = false } = {}) {
  if (!essential && matchMedia("(prefers-reduced-motion: reduce)").matches) return () => {};
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 512 });
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let frame = requestAnimationFrame(function measure() {
    analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
    tell(Math.min(1, Math.sqrt(power) * 4));
    frame = requestAnimationFrame(measure);
  });
  return () => {
    cancelAnimationFrame(frame);
    if (context.state !== "closed") context.close();
  };
}
