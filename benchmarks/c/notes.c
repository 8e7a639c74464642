/* The notes' f(x, y) on two doubles. */
#include <math.h>

double run(const double *const *in, double *const *out)
{
    double x = *in[0], y = *in[1];
    double sigy = 1.0 / (1.0 + exp(-y)), sigx = 1.0 / (1.0 + exp(-x));
    double xpy = x + y, invden = 1.0 / (sigx + xpy * xpy);
    double f = (x + sigy) * invden, dden = -f * invden, dxpy = 2.0 * xpy * dden;
    *out[0] = dxpy + (1.0 - sigx) * sigx * dden + invden;
    *out[1] = dxpy + (1.0 - sigy) * sigy * invden;
    return f;
}
