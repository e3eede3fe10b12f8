// Unpacks the packaged Chromium into TMPDIR, prints where it is and where the libraries are that a bare machine lacks.
// The package unpacks those libraries only where it believes itself on AWS Lambda.
process.env.AWS_EXECUTION_ENV = "AWS_Lambda_nodejs22.x";
const { default: chromium } = await import("@sparticuz/chromium");
console.log(JSON.stringify({ executable: await chromium.executablePath(), libraries: process.env.LD_LIBRARY_PATH }));
